// Quicksort with an insertion sort for short pieces.

const COUNT = 4_096;
const items = memory.data(COUNT * 4, 4);

/** A checksum over the sorted numbers that `seed` begins. */
export function sort(seed: i32): i64 {
  let state: u32 = seed;
  for (let index = 0; index < COUNT; index++) {
    state = state * 1_664_525 + 1_013_904_223;
    store<u32>(items + (index << 2), state >>> 8);
  }
  sortRange(0, COUNT - 1);
  let sum: i64 = 0;
  for (let index = 0; index < COUNT; index++) sum = sum * 31 + load<u32>(items + (index << 2));
  return sum;
}

function at(index: i32): u32 {
  return load<u32>(items + (index << 2));
}

function swap(left: i32, right: i32): void {
  const kept = at(left);
  store<u32>(items + (left << 2), at(right));
  store<u32>(items + (right << 2), kept);
}

function sortRange(first: i32, last: i32): void {
  if (last - first < 12) return insertionSort(first, last);
  const pivot = at((first + last) >> 1);
  let low = first;
  let high = last;
  while (low <= high) {
    while (at(low) < pivot) low++;
    while (at(high) > pivot) high--;
    if (low <= high) swap(low++, high--);
  }
  sortRange(first, high);
  sortRange(low, last);
}

function insertionSort(first: i32, last: i32): void {
  for (let index = first + 1; index <= last; index++) {
    const item = at(index);
    let place = index;
    while (place > first && at(place - 1) > item) {
      store<u32>(items + (place << 2), at(place - 1));
      place--;
    }
    store<u32>(items + (place << 2), item);
  }
}
