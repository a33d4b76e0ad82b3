import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Answered, Asked, Calls } from './role.ts'

export interface Role<C extends Calls> {
  readonly pid: number
  call<K extends keyof C & string>(name: K, ...args: Parameters<C[K]>): Promise<Awaited<ReturnType<C[K]>>>
  stop(): Promise<void>
}

export interface RoleOptions {
  /** Pins the process to this core, if the system supports it. */
  core?: number
  nodeArgs?: string[]
}

const canPin = spawnSync('taskset', ['-V']).status === 0
export const pinning = canPin ? 'server on one core, load on the other' : 'not pinned: taskset was not found'

/** Extends a command line so that its process is pinned to this core, if the system supports it. */
export const onCore = (core: number | undefined, line: string[]): string[] =>
  core !== undefined && canPin ? ['taskset', '-c', String(core), ...line] : line

/** Starts a module that calls `serveCalls` in a separate process. `file` is relative to `bench/`. */
export function startRole<C extends Calls>(file: string, { core, nodeArgs = [] }: RoleOptions = {}): Role<C> {
  const module = fileURLToPath(new URL(`../${file}`, import.meta.url))
  const [command, ...args] = onCore(core, [process.execPath, ...nodeArgs, module])
  const child = spawn(command!, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>()
  let asked = 0

  child.on('message', (answer: Answered) => {
    const caller = waiting.get(answer.id)
    waiting.delete(answer.id)
    if ('error' in answer) caller?.reject(new Error(`${file}: ${answer.error}`))
    else caller?.resolve(answer.value as never)
  })
  const ended = once(child, 'exit').then(([code]) => {
    for (const { reject } of waiting.values()) reject(new Error(`${file} ended with ${code}`))
  })

  return {
    pid: child.pid!,
    call: (name, ...args) =>
      new Promise((resolve, reject) => {
        const id = ++asked
        waiting.set(id, { resolve, reject })
        child.send({ id, name, args } satisfies Asked)
      }),
    async stop() {
      if (child.connected) child.disconnect()
      await ended
    },
  }
}
