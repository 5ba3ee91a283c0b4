// What makes the programs a guest by the rules of admission.

/** A fresh buffer; nobody calls it here. */
export function twin_alloc(size: i32): usize {
  return heap.alloc(size);
}
