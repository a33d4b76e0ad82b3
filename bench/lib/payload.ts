/** A typical payload of an agent: an event of about 256 bytes on the wire. */
export const payload = (n: number) => ({
  agentId: 'agent-7',
  message: `Step ${String(n).padStart(9, '0')}: the tests of the third package pass; now the linter looks at what was changed.`,
})
/** The topic of events that only fill the buffers between a server and its readers. */
export const BALLAST_TOPIC = 'agents.ballast.log'
export const ballast = 'Nothing of this is measured; it is in the way. '.repeat(1365)
export const TOPIC = 'agents.agent-7.log'
export const TYPE = 'agent:error'
