import type { AgentClient, CommandHandler } from '@fleetwire/client/node'

/** Where an agent of the demo works. */
export interface Surroundings {
  /** The copy of the project, in which shell commands run. */
  project: string
  /** The folder for files that the agent creates. */
  scratch: string
  /** The environment of shell commands. */
  env: Record<string, string | undefined>
  /** Must not be called before the handlers run. */
  client(): AgentClient
}

/** The behaviour of one agent of the demo: the handlers for its kinds of commands, and what they need. */
export interface Part {
  kind: string
  handlers: Record<string, CommandHandler>
  maxConcurrency?: number
  /** Called before the agent connects. */
  begin?(): Promise<void>
  /** Called after it has stopped. */
  end?(): Promise<void>
  /** Metrics of its own work, reported together with its CPU time and memory. */
  measure?(): Record<string, number>
}

/** Commands come from people too: input that is not text is shown as JSON. */
export const textOf = (input: unknown): string => (typeof input === 'string' ? input : JSON.stringify(input)).trim()
