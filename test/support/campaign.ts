// How long a campaign lasts and where its chance begins: CAMPAIGN_SEED repeats a run, CAMPAIGN_MINUTES
// says how long it lasts, instead of until it has done what its name says. In CI the seed is always the same, so that a red run speaks of the change; elsewhere each is new.

/** Seed and bounds of one run. */
export interface Campaign {
  readonly seed: number;
  /** A whole number below `max`; the same seed, the same numbers. */
  readonly below: (max: number) => number;
  /** Whether there is time for another round. */
  readonly hasTime: () => boolean;
}

const CI_SEED = 1000;

/** A campaign from the environment; its seed is printed, so that what it finds can be found again. */
export function startCampaign(defaultMinutes: number): Campaign {
  const fresh = process.env["CI"] === undefined ? Date.now() % 2 ** 31 : CI_SEED;
  const seed = Number(process.env["CAMPAIGN_SEED"] ?? fresh);
  const endMs = Date.now() + Number(process.env["CAMPAIGN_MINUTES"] ?? defaultMinutes) * 60_000;
  process.stdout.write(`CAMPAIGN_SEED=${seed}\n`);
  const below = createChance(seed);
  return { seed, below, hasTime: () => Date.now() < endMs };
}

/** One that has a count to reach, however long a busy machine takes for it. */
export interface CountedCampaign extends Omit<Campaign, "hasTime"> {
  /** Whether to go on after so many. */
  readonly goesOn: (done: number) => boolean;
  /** How many it must be in the end. */
  readonly countMin: number;
}

/** A campaign that does `count` of something, or, with CAMPAIGN_MINUTES, as much as there is time for. */
export function startCountedCampaign(count: number): CountedCampaign {
  const isTimed = process.env["CAMPAIGN_MINUTES"] !== undefined;
  const { seed, below, hasTime } = startCampaign(0);
  return { seed, below, goesOn: isTimed ? hasTime : (done) => done < count, countMin: isTimed ? 1 : count };
}

/** Whole numbers below a bound, from a seed (mulberry32). */
export function createChance(seed: number): (max: number) => number {
  let state = seed >>> 0;
  return (max) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % max;
  };
}
