import { createHash } from 'node:crypto'
import { isId } from '../auth/user-key.ts'

/**
 * One AG-UI run, as recorded in the log. A command may go through several runs: each question to a person ends one, and
 * the answer starts the next.
 */
export interface AgUiRun {
  runId: string
  threadId: string
  agentId: string
  sessionId: string
  commandId: string
  /** The index of this run within its command, from 0: the number of questions before it. */
  segment: number
  /** As sent by the client; absent for a 0.0.x client. */
  protocolVersion?: string
  /** Names of the tools that the client runs itself. */
  tools: string[]
  /** The state of the session when the command started. */
  state: unknown
  /** The `seq` before the command's first event. Absent if its events start at this record. */
  from?: number
}

/** The newest run of a thread, and the ids of the client's messages given to the agent since its last answer. */
export interface AgUiThread {
  threadId: string
  agentId: string
  runId: string
  commandId: string
  given: string[]
}

const digest = (text: string): string => createHash('sha256').update(text).digest('base64url')

/** A client's id as a Fleetwire id: itself if it is valid, else an id derived from it. AG-UI allows any text. */
export const idOf = (text: string): string => (isId(text) ? text : `x-${digest(text).slice(0, 22)}`)

export const runTopic = (agentId: string, runId: string): string => `$ag-ui-runs.${agentId}.${digest(runId)}`

export const threadTopic = (agentId: string, sessionId: string): string => `$ag-ui-threads.${agentId}.${sessionId}`
