/** What CRIU is asked and answers in its swrk mode: images/rpc.proto of its sources, protocol buffers of version 2. */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { CriuOptions } from '../../plan/checkpoint/criu-request.js';

/** criu_req_type. */
export const REQUESTS = { dump: 1, restore: 2, check: 3, notify: 6, version: 10, 'pre-dump': 13 } as const;
export type RequestName = keyof typeof REQUESTS;

type Put<T> = (writer: BinaryWriter, field: number, value: T) => void;

const int32: Put<number> = (writer, field, value) => writer.tag(field, WireType.Varint).int32(value);
const uint32: Put<number> = (writer, field, value) => writer.tag(field, WireType.Varint).uint32(value);
const bool: Put<boolean> = (writer, field, value) => writer.tag(field, WireType.Varint).bool(value);
const string: Put<string> = (writer, field, value) =>
  writer.tag(field, WireType.LengthDelimited).string(value);

const each =
  <T>(put: Put<T>): Put<readonly T[]> =>
  (writer, field, values) => {
    for (const value of values) put(writer, field, value);
  };

const message =
  <T>(fill: (writer: BinaryWriter, value: T) => void): Put<T> =>
  (writer, field, value) => {
    writer.tag(field, WireType.LengthDelimited).fork();
    fill(writer, value);
    writer.join();
  };

const OPTIONS: { readonly [K in keyof CriuOptions]-?: readonly [number, Put<NonNullable<CriuOptions[K]>>] } =
  {
    images_dir_fd: [1, int32],
    pid: [2, int32],
    leave_running: [3, bool],
    tcp_established: [5, bool],
    shell_job: [7, bool],
    file_locks: [8, bool],
    log_level: [9, int32],
    log_file: [10, string],
    notify_scripts: [12, bool],
    root: [13, string],
    parent_img: [14, string],
    track_mem: [15, bool],
    link_remap: [18, bool],
    manage_cgroups: [24, bool],
    cg_root: [
      25,
      each(
        message((writer, { ctrl, path }) => {
          if (ctrl !== undefined) string(writer, 1, ctrl);
          string(writer, 2, path);
        }),
      ),
    ],
    rst_sibling: [26, bool],
    manage_cgroups_mode: [34, uint32],
    ghost_limit: [35, uint32],
    external: [37, each(string)],
    empty_ns: [38, uint32],
    freeze_cgroup: [44, string],
    timeout: [45, uint32],
    tcp_skip_in_flight: [46, bool],
    lazy_pages: [48, bool],
    orphan_pts_master: [50, bool],
    config_file: [51, string],
    tcp_close: [52, bool],
    network_lock: [64, uint32],
    leave_stopped: [69, bool],
  };

function putOptions(writer: BinaryWriter, options: CriuOptions): void {
  for (const [name, [field, put]] of Object.entries(OPTIONS)) {
    const value = options[name as keyof CriuOptions];
    // Each value has its own writer's type: the table says so.
    if (value !== undefined) (put as Put<unknown>)(writer, field, value);
  }
}

/** criu_req. */
export function encodeRequest(type: RequestName, options?: CriuOptions): Uint8Array {
  const writer = new BinaryWriter();
  uint32(writer, 1, REQUESTS[type]);
  if (options) message(putOptions)(writer, 2, options);
  return writer.finish();
}

/** The answer to a notification: whether it goes on. */
export function encodeAnswer(success: boolean): Uint8Array {
  const writer = new BinaryWriter();
  uint32(writer, 1, REQUESTS.notify);
  bool(writer, 3, success);
  return writer.finish();
}

/** criu_resp. */
export interface CriuResponse {
  readonly type: number;
  readonly success: boolean;
  /** Of what was restored. */
  readonly pid?: number;
  readonly notify?: { readonly script: string; readonly pid?: number };
  readonly errno?: number;
  readonly errmsg?: string;
  readonly version?: CriuVersion;
}

export interface CriuVersion {
  readonly major: number;
  readonly minor: number;
  readonly sublevel: number;
}

/** Throws for what is no message. */
export function decodeResponse(bytes: Uint8Array): CriuResponse {
  const fields = new Fields(bytes);
  const pid = fields.message(4)?.number(1);
  const notify = fields.message(5);
  const version = fields.message(10);
  const inner = notify?.number(2);
  return {
    type: fields.number(1) ?? 0,
    success: fields.number(2) === 1,
    ...optional('pid', pid),
    ...optional('notify', notify && { script: notify.text(1) ?? '', ...optional('pid', inner) }),
    ...optional('errno', fields.number(7)),
    ...optional('errmsg', fields.text(9)),
    ...optional(
      'version',
      version && {
        major: version.number(1) ?? 0,
        minor: version.number(2) ?? 0,
        sublevel: version.number(4) ?? 0,
      },
    ),
  };
}

function optional<K extends string, T>(name: K, value: T | undefined): { readonly [N in K]?: T } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [N in K]: T });
}

/** Of one message, by number; what came twice, as it came last. */
class Fields {
  readonly #values = new Map<number, number | Uint8Array>();

  constructor(bytes: Uint8Array) {
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      const [field, type] = reader.tag();
      if (type === WireType.Varint) this.#values.set(field, reader.int32());
      else if (type === WireType.LengthDelimited) this.#values.set(field, reader.bytes());
      else reader.skip(type, field);
    }
  }

  number(field: number): number | undefined {
    const value = this.#values.get(field);
    return typeof value === 'number' ? value : undefined;
  }

  text(field: number): string | undefined {
    const value = this.#values.get(field);
    return value instanceof Uint8Array ? new TextDecoder().decode(value) : undefined;
  }

  message(field: number): Fields | undefined {
    const value = this.#values.get(field);
    return value instanceof Uint8Array ? new Fields(value) : undefined;
  }
}
