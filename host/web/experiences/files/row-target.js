// Rows dragged onto a folder move into it.

import { useState } from "preact/hooks";

/** Marks a drag as one of our rows; the value is the entry's id. */
export const ROW_TYPE = "application/x-twin-entry";

/**
 * Handlers of an element that rows can be dropped on, and whether one is over it now.
 * @param {import("./files-model.js").FilesModel} model
 * @param {import("./files-model.js").Step} step the folder that it stands for
 * @param {boolean} accepts
 */
export function useRowTarget(model, step, accepts) {
  const [over, setOver] = useState(false);
  const isRow = (/** @type {DragEvent} */ event) => accepts && (event.dataTransfer?.types.includes(ROW_TYPE) ?? false);
  return {
    over,
    onDragOver: (/** @type {DragEvent} */ event) => {
      if (!isRow(event)) return;
      event.preventDefault();
      setOver(true);
    },
    onDragLeave: () => setOver(false),
    onDrop: (/** @type {DragEvent} */ event) => {
      if (!isRow(event)) return;
      event.preventDefault();
      setOver(false);
      const id = event.dataTransfer?.getData(ROW_TYPE);
      if (id && id !== step.id) void model.move(id, step);
    },
  };
}
