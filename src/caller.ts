/** The originator of a change, and the interface that was used. */
export interface Actor {
  /** The `sub` of the token. */
  by: string
  via: 'rest' | 'ws'
  /** The peer's address, in the form that limits use. */
  address?: string
}

/** The caller of a service, and what it may see. */
export interface Caller {
  /** Which agents the caller may see; others are not found. */
  canSee(agentId: string): boolean
  /** The caller sees every agent, including future ones. So it may name tasks that do not exist yet. */
  seesFleet?: boolean
  /** For the audit trail. Without an actor, the caller is code in this process. */
  actor?: Actor
}

export type CanSee = Caller['canSee']

/** Code in this process, which sees everything. */
export const inProcess: Caller = { canSee: () => true, seesFleet: true }
