/** Rules in their own language, which netlink has no simple form of; elements go by `host/netlink/nftables`. */
import { run } from '../run.js';
import { TOOLS } from '../storage/resize.js';

/** All of it in one transaction, or nothing. */
export async function nft(input: string): Promise<void> {
  await run(['nft', '-f', '-'], { input, env: TOOLS });
}
