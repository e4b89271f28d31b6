/** What is sent between two places: round trips by `ping-pong.c`, throughput by iperf3. */
import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { median } from '../measure.mjs';

export const [PING_PONG, IPERF] = [7000, 5201];
const TRIPS = 10_000;
const CONNECTIONS = 1000;
const SECONDS = 1;

let pingPong;

export function makePingPong(directory) {
  pingPong = `${directory}/ping-pong`;
  const source = fileURLToPath(new URL('./ping-pong.c', import.meta.url));
  execFileSync('gcc', ['-O2', '-Wall', '-Wextra', '-o', pingPong, source]);
}

/** Both sides have a processor of their own, always the same one. */
const pinned = (processor, ...command) => ['taskset', '-c', String(processor), ...command];
const LAST = availableParallelism() - 1;

/** Answers there from now on. */
export async function serve(place) {
  place.spawn(...pinned(LAST, pingPong, 'serve', PING_PONG));
  place.spawn(...pinned(LAST, 'iperf3', '--server', '--port', IPERF));
  await sleep(300);
}

/** Microseconds: the median of many, all by one connection or each by one of its own. */
async function roundTrip({ from, address }, count, which) {
  const command = pinned(0, pingPong, 'ask', address, PING_PONG, count, which);
  return Number(await from.run(command.join(' ')));
}

/** Gbit/s, to the server or back. */
async function throughput({ from, address }, ...back) {
  const command = pinned(0, 'iperf3', '--client', address, '--port', IPERF, '-t', SECONDS, '--json', ...back);
  const { end } = JSON.parse(await from.run(command.join(' ')));
  return end.sum_received.bits_per_second / 1e9;
}

/** A way is {from, address}. */
export const MEASURES = {
  'round-trip': { unit: 'µs', of: (way) => roundTrip(way, TRIPS, 'one') },
  connection: { unit: 'µs', of: (way) => roundTrip(way, CONNECTIONS, 'each') },
  throughput: { unit: 'Gbit/s', of: (way) => throughput(way) },
  'throughput-back': { unit: 'Gbit/s', of: (way) => throughput(way, '--reverse') },
};

/** `ways`: name → way. Returns name → a value a round; whoever is first in one round is last in the next. */
export async function compare(ways, { of }, rounds) {
  const names = Object.keys(ways);
  const found = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = -1; round < rounds; round += 1)
    for (const name of round % 2 ? names : names.toReversed()) {
      const value = await of(ways[name]);
      if (round >= 0) found[name].push(value);
    }
  return found;
}

/** The median of ratios within a round: what the machine does beside it changes from minute to minute. */
export const ratio = (values, others) => median(values.map((value, round) => value / others[round]));
