/** What a packet to and from a container costs where there are ten thousand others, beside one where there are none. */
import { median } from '../measure.mjs';
import { addContainer } from './hosts.mjs';
import { compare, IPERF, MEASURES, PING_PONG, ratio, serve } from './traffic.mjs';

const ROUNDS = 25;

/** `none` has its container already. */
export async function measureRules(none, many) {
  await serve(await addContainer(many, [PING_PONG, IPERF]));
  const way = ({ wan }) => ({ from: wan, address: '198.19.0.1' });
  for (const name of ['round-trip', 'connection']) {
    const { none: alone, many: crowded } = await compare(
      { none: way(none), many: way(many) },
      MEASURES[name],
      ROUNDS,
    );
    const what = `network/${name}/${many.present}`;
    console.log(
      `${what} with none ${median(alone).toFixed(2)} µs, with ${many.present} ${median(crowded).toFixed(2)} µs`,
    );
    console.log(`RESULT ${what}/none ${ratio(crowded, alone).toFixed(3)} ratio goal 1.05`);
  }
}
