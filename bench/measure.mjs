/** Alternating measurements, A B A B, so that a noisy moment hits both. */
import { setTimeout as sleep } from 'node:timers/promises';

export const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** `contestants`: name → async function. Returns name → median milliseconds. */
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
  return Object.fromEntries(Object.entries(times).map(([name, values]) => [name, median(values)]));
}

/**
 * Against one peer after the other, tight and spaced: with two peers in one round the second would run on what the
 * first has warmed up (crun takes half as long right behind runc, which has paid for the same RCU grace period).
 * `peers`: name → async function; the goal is for the first one.
 */
export async function duels(metric, own, peers, { goal }) {
  for (const [pace, options] of [
    ['tight', { rounds: 100 }],
    ['spaced', { rounds: 30, pauseMs: 150 }],
  ]) {
    for (const [i, [peer, run]] of Object.entries(peers).entries()) {
      const { cella, rival } = await alternate({ cella: own, rival: run }, options);
      console.log(`${metric}/${pace} cella ${cella.toFixed(2)} ms, ${peer} ${rival.toFixed(2)} ms`);
      console.log(
        `RESULT ${metric}/${pace}/${peer} ${(cella / rival).toFixed(3)} ratio goal ${i === 0 ? goal : '-'}`,
      );
    }
  }
}
