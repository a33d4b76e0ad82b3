import type { CommandOutcome } from '@fleetwire/protocol'

/** What the runner needs of one run of a command: the SDK's `CommandRun` has it. */
export interface CommandRun {
  readonly commandId: string
  readonly input: unknown
  /** Aborts when the command is interrupted. */
  readonly signal: AbortSignal
  /** Aborts when the interrupt was not confirmed in time. */
  readonly force: AbortSignal
}

export type CommandHandler = (run: CommandRun) => Promise<CommandOutcome>

export interface TerminalOptions {
  terminalId: string
  cols: number
  rows: number
  onInput(data: string): void
  onResize(size: { cols: number; rows: number }): void
}

/** Where the output of a command goes: the SDK's `AgentTerminal`. */
export interface TerminalHandle {
  /** A promise asks the writer to wait: the terminal has enough. */
  write(bytes: Uint8Array): void | Promise<void>
  /** Tells viewers its size. */
  resize(cols: number, rows: number): void
  exit(exit: { exitCode?: number; signal?: string }): void
}
