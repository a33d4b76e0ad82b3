import type { ToolAnnotations } from '@modelcontextprotocol/server'
import type { Static, TObject } from '@sinclair/typebox'
import type { Clock } from '../clock.ts'
import type { Fleet } from './fleet.ts'

export interface ToolContext {
  fleet: Fleet
  clock: Clock
  /** Aborted when the client cancels the call. It ends what waits here, and nothing at the agent. */
  signal: AbortSignal
  /** Tells a client that asked for it how far the call is. */
  progress(message: string): void
}

export interface ToolAnswer<Out> {
  /** For the model, concise. */
  text: string
  data: Out
}

export interface ToolOptions<In extends TObject, Out extends TObject> {
  name: string
  title: string
  description: string
  input: In
  output: Out
  /** Who only reads may be asked at any time; what changes something should be confirmed by a person. */
  effect: 'reads' | 'acts' | 'acts-once'
  run(args: Static<In>, context: ToolContext): Promise<ToolAnswer<Static<Out>>>
}

/** A tool without the types of its arguments, as a table holds it. */
export interface Tool extends Omit<ToolOptions<TObject, TObject>, 'run'> {
  run(args: never, context: ToolContext): Promise<ToolAnswer<object>>
}

export const tool = <In extends TObject, Out extends TObject>(options: ToolOptions<In, Out>): Tool => options as Tool

/** `acts-once`: the same call again changes nothing more. */
export const annotationsOf = ({ effect, title }: Tool): ToolAnnotations => ({
  title,
  readOnlyHint: effect === 'reads',
  destructiveHint: effect !== 'reads',
  idempotentHint: effect !== 'acts',
  openWorldHint: effect !== 'reads',
})
