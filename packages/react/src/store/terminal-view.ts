import type { DashboardClient, DashboardTerminal, RequestResult } from '@fleetwire/client'
import type { TerminalSnapshot, WireError } from '@fleetwire/protocol'
import { Listeners } from './listeners.ts'
import type { Source } from './live.ts'

/** An emulator, or anything else that shows a terminal. */
export interface TerminalSink {
  /** Bytes that follow those shown before. Return a promise that resolves once they are drawn; more are sent then. */
  write(bytes: Uint8Array): void | Promise<void>
  /** The complete current screen, which replaces what was shown: reset, resize, then draw `screen`. */
  snapshot(snapshot: TerminalSnapshot): void | Promise<void>
  /** This many bytes are lost before the next output. */
  gap?(bytes: number): void
  resize?(size: { cols: number; rows: number }): void
}

export interface TerminalState {
  /** `idle`: nothing is attached. `opening`: no screen yet. */
  readonly state: 'idle' | 'opening' | 'open' | 'exited' | 'error'
  readonly terminalId: string | undefined
  readonly title: string
  readonly exit: { exitCode?: number; signal?: string } | undefined
  readonly error: WireError | undefined
}

export interface TerminalTarget {
  agentId: string
  terminalId?: string
  mode: 'bytes' | 'snapshot'
}

const IDLE: TerminalState = { state: 'idle', terminalId: undefined, title: '', exit: undefined, error: undefined }

/** One terminal, open while a sink is attached. */
export class TerminalView implements Source<TerminalState> {
  readonly #client: DashboardClient
  readonly #target: TerminalTarget
  readonly #listeners = new Listeners()
  #state = IDLE
  #terminal: DashboardTerminal | undefined

  constructor(client: DashboardClient, target: TerminalTarget) {
    this.#client = client
    this.#target = target
  }

  readonly get = (): TerminalState => this.#state
  readonly subscribe = (listener: () => void): (() => void) => this.#listeners.add(listener)

  readonly attach = (sink: TerminalSink): (() => void) => {
    let terminal: DashboardTerminal | undefined
    let isOver = false
    // StrictMode attaches twice in one turn: only the attachment that remains opens the terminal.
    queueMicrotask(() => {
      if (isOver) return
      this.#set({ ...IDLE, state: 'opening' })
      terminal = this.#open(sink)
      this.#terminal = terminal
    })
    return () => {
      isOver = true
      terminal?.close()
      if (this.#terminal !== terminal) return
      this.#terminal = undefined
      if (terminal !== undefined) this.#set({ ...this.#state, state: 'idle' })
    }
  }

  readonly input = (data: string): Promise<RequestResult> => this.#terminal?.input(data) ?? notAttached
  readonly resize = (cols: number, rows: number): Promise<RequestResult> =>
    this.#terminal?.resize(cols, rows) ?? notAttached

  #open(sink: TerminalSink): DashboardTerminal {
    return this.#client.openTerminal({
      ...this.#target,
      onSnapshot: snapshot => {
        const { terminalId, title, gap } = snapshot
        if (gap !== undefined) sink.gap?.(gap.to - gap.from)
        void sink.snapshot(snapshot)
        // A view without an id continues with the agent's next terminal.
        const exit = terminalId === this.#state.terminalId ? this.#state.exit : undefined
        this.#set({ state: exit === undefined ? 'open' : 'exited', terminalId, title, exit, error: undefined })
      },
      onOutput: (bytes, { gap }) => {
        // A terminal writes nothing after its exit, so this is another program with the same id.
        if (this.#state.exit !== undefined) this.#set({ ...this.#state, state: 'open', exit: undefined })
        if (gap !== undefined) sink.gap?.(gap.to - gap.from)
        return sink.write(bytes)
      },
      onResize: size => sink.resize?.(size),
      onExit: exit => this.#set({ ...this.#state, state: 'exited', exit }),
      onError: error => this.#set({ ...this.#state, state: 'error', error }),
    })
  }

  #set(state: TerminalState): void {
    this.#state = state
    this.#listeners.tell()
  }
}

const notAttached: Promise<RequestResult> = Promise.resolve({
  ok: false,
  error: { code: 'stopped', message: 'No terminal is attached.', retryable: false },
})
