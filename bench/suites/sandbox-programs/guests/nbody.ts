// Bodies that pull each other: floating point with square roots and divisions.

const COUNT = 5;
const bodies = memory.data(COUNT * 56, 8);

/** The energy-like sum after `steps` steps. */
export function nbody(steps: i32): i64 {
  for (let body = 0; body < COUNT; body++) {
    const at = bodies + body * 56;
    store<f64>(at, <f64>(body * 3 + 1));
    store<f64>(at, <f64>(body * body) - 2, 8);
    store<f64>(at, <f64>(7 - body * 2), 16);
    store<f64>(at, <f64>body * 0.1, 24);
    store<f64>(at, 0.3 - <f64>body * 0.07, 32);
    store<f64>(at, 0, 40);
    store<f64>(at, 1 / <f64>(body + 1), 48);
  }
  for (let step = 0; step < steps; step++) advance(0.01);
  let sum: f64 = 0;
  for (let body = 0; body < COUNT; body++) sum += load<f64>(bodies + body * 56) + load<f64>(bodies + body * 56, 8);
  return <i64>(sum * 1e6);
}

function advance(dt: f64): void {
  for (let one = 0; one < COUNT; one++) {
    const a = bodies + one * 56;
    for (let other = one + 1; other < COUNT; other++) {
      const b = bodies + other * 56;
      const dx = load<f64>(a) - load<f64>(b);
      const dy = load<f64>(a, 8) - load<f64>(b, 8);
      const dz = load<f64>(a, 16) - load<f64>(b, 16);
      const squared = dx * dx + dy * dy + dz * dz + 0.01;
      const pull = dt / (squared * Math.sqrt(squared));
      const ma = load<f64>(a, 48) * pull;
      const mb = load<f64>(b, 48) * pull;
      store<f64>(a, load<f64>(a, 24) - dx * mb, 24);
      store<f64>(a, load<f64>(a, 32) - dy * mb, 32);
      store<f64>(a, load<f64>(a, 40) - dz * mb, 40);
      store<f64>(b, load<f64>(b, 24) + dx * ma, 24);
      store<f64>(b, load<f64>(b, 32) + dy * ma, 32);
      store<f64>(b, load<f64>(b, 40) + dz * ma, 40);
    }
  }
  for (let body = 0; body < COUNT; body++) {
    const at = bodies + body * 56;
    store<f64>(at, load<f64>(at) + dt * load<f64>(at, 24));
    store<f64>(at, load<f64>(at, 8) + dt * load<f64>(at, 32), 8);
    store<f64>(at, load<f64>(at, 16) + dt * load<f64>(at, 40), 16);
  }
}
