import type { AgentFrameType } from './agent.ts'

/** Frames without `n`: a lost one is replaced by the next, or the order is kept by other means. */
export const unnumberedTypes = [
  'agent:connect',
  'heartbeat',
  'agent:metrics',
  'session:typing',
  'terminal:output',
  'terminal:ack',
] as const satisfies AgentFrameType[]
export const isNumbered = (type: string): boolean => !(unnumberedTypes as readonly string[]).includes(type)
