/** Alternating measurements: A B A B, so that a noisy moment hits both. */
import { setTimeout as sleep } from 'node:timers/promises';

export const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** `contestants`: name → async function. Returns name → milliseconds of each round. */
export async function alternate(contestants, { rounds, pauseMs = 0, warmUp = 5 }) {
  const times = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]));
  for (let round = -warmUp; round < rounds; round += 1) {
    for (const [name, run] of Object.entries(contestants)) {
      if (pauseMs > 0) await sleep(pauseMs);
      const begin = performance.now();
      await run();
      if (round >= 0) times[name].push(performance.now() - begin);
    }
  }
  return times;
}

/** One line per contestant, then the ratio to the peer. */
export function report(metric, times, { own, peers, goal }) {
  for (const [name, values] of Object.entries(times)) {
    console.log(`${metric} ${name}: median ${median(values).toFixed(2)} ms of ${values.length}`);
  }
  for (const peer of peers) {
    const ratio = median(times[own]) / median(times[peer]);
    const suffix = peer === peers[0] ? goal : '-';
    console.log(`RESULT ${metric}/${peer} ${ratio.toFixed(3)} ratio goal ${suffix}`);
  }
}
