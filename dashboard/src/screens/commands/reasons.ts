/** The protocol's `reason` of a command, in words. */
export const reasonWords: Record<string, string> = {
  reported: 'The agent reported it.',
  queue_ttl: 'It waited in the queue longer than its queueTtlMs.',
  no_ack: 'The agent did not confirm that it has it, several times.',
  undeliverable: 'It could not be delivered to the agent.',
  run_timeout: 'It ran longer than its runTimeoutMs.',
  lease_expired: 'The agent was away longer than its lease, so whether it was done is not known.',
  agent_lost_it: 'The agent came back and did not know it any more.',
  agent_removed: 'The agent was removed.',
  interrupted: 'Somebody stopped it.',
  dropped: 'Somebody took it out of the queue.',
  busy: 'The agent was busy, and it was not to wait.',
  unsupported: 'The agent does not run commands of this kind.',
  policy: 'The agent’s policy does not allow it.',
  superseded: 'A newer command interrupted it.',
  batch_stopped: 'Its batch was stopped.',
  restarted: 'The agent restarted while it ran.',
}

export const reasonText = (reason: string | undefined): string | undefined =>
  reason === undefined ? undefined : (reasonWords[reason] ?? `Reason: ${reason}.`)
