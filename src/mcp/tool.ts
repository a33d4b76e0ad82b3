import type { ToolAnnotations } from '@modelcontextprotocol/server'
import type { Static, TObject } from '@sinclair/typebox'
import type { Clock } from '../clock.ts'
import type { Fleet } from './fleet.ts'

export interface ToolContext {
  fleet: Fleet
  clock: Clock
  /** Aborted when the client cancels the call. Ends waiting here, and changes nothing at the agent. */
  signal: AbortSignal
  /** Reports progress to a client that asked for it. */
  progress(message: string): void
}

export interface ToolAnswer<Out> {
  /** Concise, for the model. */
  text: string
  data: Out
}

export interface ToolOptions<In extends TObject, Out extends TObject> {
  name: string
  title: string
  description: string
  input: In
  output: Out
  /** A tool that only reads may be called at any time; one that changes something should be confirmed by a person. */
  effect: 'reads' | 'acts' | 'acts-once'
  run(args: Static<In>, context: ToolContext): Promise<ToolAnswer<Static<Out>>>
}

/** A tool without its argument types, as stored in a table. */
export interface Tool extends Omit<ToolOptions<TObject, TObject>, 'run'> {
  run(args: never, context: ToolContext): Promise<ToolAnswer<object>>
}

export const tool = <In extends TObject, Out extends TObject>(options: ToolOptions<In, Out>): Tool => options as Tool

/** `acts-once`: repeating the same call changes nothing more. */
export const annotationsOf = ({ effect, title }: Tool): ToolAnnotations => ({
  title,
  readOnlyHint: effect === 'reads',
  destructiveHint: effect !== 'reads',
  idempotentHint: effect !== 'acts',
  openWorldHint: effect !== 'reads',
})
