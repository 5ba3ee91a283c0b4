// How well a typed text fits a label: 0 not at all, more is better.

/** Letters must appear in order; beginnings of words and runs of letters count more. @param {string} label @param {string} text */
export function matchScore(label, text) {
  const wanted = text.trim().toLocaleLowerCase();
  const within = label.toLocaleLowerCase();
  if (wanted === "") return 1;
  const at = within.indexOf(wanted);
  if (at === 0) return 100;
  if (at > 0) return within[at - 1] === " " ? 80 : 60;
  let position = -1;
  let score = 1;
  for (const letter of wanted) {
    const next = within.indexOf(letter, position + 1);
    if (next < 0) return 0;
    if (next === 0 || within[next - 1] === " ") score += 5;
    else if (next === position + 1) score += 2;
    position = next;
  }
  return score;
}
