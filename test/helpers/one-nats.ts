import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { temporaryFolder } from './log-folder.ts'
import { findServer } from './nats-cluster.ts'
import { freePort } from './processes.ts'

/** A single nats-server with its own settings. Streams have one replica. */
export class OneNats {
  readonly port: number
  readonly #start: () => ChildProcess
  #child: ChildProcess | undefined

  private constructor(port: number, start: () => ChildProcess) {
    this.port = port
    this.#start = start
  }

  /** Prepares a server without starting it. Resolves with undefined if no usable nats-server is found. */
  static async prepare(t: Test, settings = '', jetstream = 'sync_interval: always'): Promise<OneNats | undefined> {
    const program = findServer(t)
    if (program === undefined) return undefined
    const dir = temporaryFolder(t)
    const config = join(dir, 'nats.conf')
    const port = await freePort()
    writeFileSync(
      config,
      `server_name: one
listen: "127.0.0.1:${port}"
jetstream { store_dir: ${JSON.stringify(join(dir, 'store'))}, ${jetstream} }
${settings}
`,
    )
    const nats = new OneNats(port, () => spawn(program, ['-c', config], { stdio: 'ignore' }))
    t.teardown(() => nats.stop())
    return nats
  }

  get addresses(): string[] {
    return [`127.0.0.1:${this.port}`]
  }

  start(): void {
    this.#child = this.#start()
  }

  async stop(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
}
