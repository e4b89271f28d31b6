/** What the other end of a move does when the container begins to stand still, so that less is to be waited for then. */
import { type HeldSetting, hurry } from '../host/held-setting.js';
import type { ReadyFilter } from '../host/ready-filter.js';
import { readyToUnpack } from '../migrate/archive.js';

export class Readiness implements AsyncDisposable {
  #haste: HeldSetting | undefined;
  #unpacks: ReadyFilter | undefined;

  /** Again does nothing. */
  begin(): void {
    this.#haste ??= hurry();
    this.#unpacks ??= readyToUnpack();
  }

  /** For its images. */
  get unpacks(): ReadyFilter | undefined {
    return this.#unpacks;
  }

  /** There is nothing left to be quick about. */
  async endHaste(): Promise<void> {
    await this.#haste?.letGo();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.endHaste();
    await this.#unpacks?.[Symbol.asyncDispose]();
  }
}
