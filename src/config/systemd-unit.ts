/** The systemd unit of the node service. Pure. */

export interface UnitPlaces {
  /** Of Node.js. */
  readonly node: string;
  /** Of the command line. */
  readonly script: string;
  /** Directory under which every path is taken; '' for the host's own root. */
  readonly rootDir: string;
}

/** Longer than any container may take: each is killed after its own STOP_TIMEOUT. */
const STOP_SECONDS = 900;

/**
 * Containers and the keeper are not the unit's processes; KillMode=process says so once more. systemd ends units in the
 * reverse of their order: cella.service, which holds the control groups, goes after this one has stopped what is in them.
 */
export function systemdUnit({ node, script, rootDir }: UnitPlaces): string {
  const environment = rootDir === '' ? [] : [`Environment=${quoted(`CELLA_ROOT=${rootDir}`)}`];
  return `${[
    '[Unit]',
    'Description=Cella node service: starts, watches and stops containers',
    'Documentation=man:vzctl(8)',
    'After=cella.service network-online.target local-fs.target remote-fs.target time-sync.target',
    'Wants=network-online.target',
    '',
    '[Service]',
    'Type=exec',
    ...environment,
    `ExecStart=${quoted(node)} ${quoted(script)} service`,
    'Restart=always',
    'RestartSec=100ms',
    'KillMode=process',
    `TimeoutStopSec=${STOP_SECONDS}`,
    'LimitNOFILE=262144',
    '',
    '[Install]',
    'WantedBy=multi-user.target',
  ].join('\n')}\n`;
}

/** systemd.service(5): quotes, specifiers and variables. */
function quoted(word: string): string {
  return `"${word.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%').replaceAll('$', '$$$$')}"`;
}
