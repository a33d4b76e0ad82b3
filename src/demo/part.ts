import type { AgentClient, CommandHandler } from '@fleetwire/client/node'

/** Where an agent of the demo works. */
export interface Surroundings {
  /** Its copy of the project, which the shell commands run in. */
  project: string
  /** Where agents put what they make. */
  scratch: string
  /** The environment of shell commands. */
  env: Record<string, string | undefined>
  /** Not before the handlers run. */
  client(): AgentClient
}

/** What one agent of the demo does: handlers for its kinds of commands, and what it needs beside them. */
export interface Part {
  kind: string
  handlers: Record<string, CommandHandler>
  maxConcurrency?: number
  /** Before the agent connects. */
  begin?(): Promise<void>
  /** After it has stopped. */
  end?(): Promise<void>
  /** What it measures of its own work, told with its CPU time and memory. */
  measure?(): Record<string, number>
}

/** Commands come from people too: what is no text is shown as what it is. */
export const textOf = (input: unknown): string => (typeof input === 'string' ? input : JSON.stringify(input)).trim()
