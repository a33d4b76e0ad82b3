/** Who asks for a change, and over which interface. */
export interface Actor {
  /** The `sub` of the token. */
  by: string
  via: 'rest' | 'ws'
  /** The address of the peer, as limits count it. */
  address?: string
}

/** Who asks a service for something, and what they may see. */
export interface Caller {
  /** Which agents the caller may see; others are not found. */
  canSee(agentId: string): boolean
  /** The caller sees every agent, including future ones. So it may name tasks that do not exist yet. */
  seesFleet?: boolean
  /** For the audit trail. Without an actor it is code in this process. */
  actor?: Actor
}

export type CanSee = Caller['canSee']

/** Code in this process, which sees everything. */
export const inProcess: Caller = { canSee: () => true, seesFleet: true }
