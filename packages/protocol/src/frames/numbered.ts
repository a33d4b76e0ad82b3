import type { AgentFrameType } from './agent.ts'

/** Frames without `n`: the next frame makes up for a lost one, or their order is kept by other means. */
export const unnumberedTypes = [
  'agent:connect',
  'heartbeat',
  'agent:metrics',
  'session:typing',
  'terminal:output',
  'terminal:ack',
] as const satisfies AgentFrameType[]
export const isNumbered = (type: string): boolean => !(unnumberedTypes as readonly string[]).includes(type)
