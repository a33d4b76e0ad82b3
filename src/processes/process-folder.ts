import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'

const HELD = 'cluster.pid'
const LOOK_MS = 50
const KILL_AFTER_MS = 10_000

/** Claims a folder for this process. Throws if another live process holds it. Returns a function that releases it. */
export function holdFolder(folder: string): () => void {
  const file = join(folder, HELD)
  const holder = pidIn(file)
  // Process ids are reused: the process that has this id now may be anything.
  if (holder !== undefined && holder !== process.pid && /\bcluster\b/.test(commandOf(holder)))
    throw new FolderHeld(`Process ${holder} already runs a cluster in ${folder}.`)
  writeFileSync(file, `${process.pid}\n`, { mode: 0o600 })
  return () => rmSync(file, { force: true })
}

export class FolderHeld extends Error {}

/** Ends the process whose id is in the file if its command line contains `mark`, and waits until it is gone. */
export async function endLeftover(pidFile: string, mark: string, clock: Clock): Promise<void> {
  const pid = pidIn(pidFile)
  if (pid === undefined) return
  const since = clock.monotonic()
  let signal: NodeJS.Signals = 'SIGTERM'
  while (commandOf(pid).includes(mark)) {
    process.kill(pid, signal)
    if (clock.monotonic() - since > KILL_AFTER_MS) signal = 'SIGKILL'
    await new Promise<void>(resolve => void clock.setTimeout(resolve, LOOK_MS))
  }
}

function pidIn(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, 'utf8'))
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined
  } catch {
    return undefined
  }
}

/** Empty if there is no such process. Not every Linux has ps. */
function commandOf(pid: number): string {
  if (process.platform !== 'linux')
    return spawnSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' }).stdout ?? ''
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}
