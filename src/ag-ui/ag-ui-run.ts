import { createHash } from 'node:crypto'
import { isId } from '../auth/user-key.ts'

/**
 * One run of AG-UI, as its record in the log keeps it. A command may go through several: each question to a person ends
 * one, and the answer begins the next.
 */
export interface AgUiRun {
  runId: string
  threadId: string
  agentId: string
  sessionId: string
  commandId: string
  /** Which run of its command it is, from 0: so many questions came before it. */
  segment: number
  /** As the client named it; absent: a client of 0.0.x. */
  protocolVersion?: string
  /** Names of the tools that the client runs itself. */
  tools: string[]
  /** The state of the session when the command began. */
  state: unknown
  /** Where the command's events begin in the log, as the `seq` before them. Absent: at this record. */
  from?: number
}

/** The newest run of a thread, and which messages of its user the agent was given since it last answered. */
export interface AgUiThread {
  threadId: string
  agentId: string
  runId: string
  commandId: string
  given: string[]
}

const digest = (text: string): string => createHash('sha256').update(text).digest('base64url')

/**
 * An id of a client as an id of Fleetwire: itself if it is one, else one that is made of it. AG-UI allows any text.
 */
export const idOf = (text: string): string => (isId(text) ? text : `x-${digest(text).slice(0, 22)}`)

export const runTopic = (agentId: string, runId: string): string => `$ag-ui-runs.${agentId}.${digest(runId)}`

export const threadTopic = (agentId: string, sessionId: string): string => `$ag-ui-threads.${agentId}.${sessionId}`
