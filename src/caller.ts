/** Who asks for a change, and over which door. */
export interface Actor {
  /** `sub` of the token. */
  by: string
  via: 'rest' | 'ws'
  /** Of the peer, as limits count it. */
  address?: string
}

/** Who asks a service for something, and what exists for them. */
export interface Caller {
  /** Which agents exist for the caller: what it may not see is not found. */
  canSee(agentId: string): boolean
  /** Every agent exists for the caller, those that are yet to come too: so it may name tasks that are yet to come. */
  seesFleet?: boolean
  /** For the audit trail. Without one it is code in this process. */
  actor?: Actor
}

export type CanSee = Caller['canSee']

/** Code in this process, which sees all. */
export const inProcess: Caller = { canSee: () => true, seesFleet: true }
