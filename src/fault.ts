/** Named points where a test may end the process as `kill -9` would; without CELLA_FAULT they do nothing. */

/** CELLA_FAULT=start.recorded kills at that point; CELLA_FAULT=launcher:7 is step 7 of the native launcher. */
export function faultPoint(name: string): void {
  if (process.env.CELLA_FAULT === name) process.kill(process.pid, 'SIGKILL');
}

export function launcherCrashStep(): number | undefined {
  const match = /^launcher:(\d+)$/.exec(process.env.CELLA_FAULT ?? '');
  return match ? Number(match[1]) : undefined;
}
