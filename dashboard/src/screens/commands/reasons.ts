/** The protocol's `reason` of a command, in words. */
export const reasonWords: Record<string, string> = {
  reported: 'The agent reported it.',
  queue_ttl: 'It waited in the queue longer than its queueTtlMs.',
  no_ack: 'The agent repeatedly did not confirm that it received it.',
  undeliverable: 'It could not be delivered to the agent.',
  run_timeout: 'It ran longer than its runTimeoutMs.',
  lease_expired: 'The agent was offline longer than its lease, so whether it was done is unknown.',
  agent_lost_it: 'The agent came back and no longer knew about it.',
  agent_removed: 'The agent was removed.',
  interrupted: 'Somebody stopped it.',
  dropped: 'Somebody removed it from the queue.',
  busy: 'The agent was busy, and it was not allowed to wait.',
  unsupported: 'The agent does not run commands of this kind.',
  policy: 'The agent’s policy does not allow it.',
  superseded: 'A newer command interrupted it.',
  batch_stopped: 'Its batch was stopped.',
  restarted: 'The agent restarted while it was running.',
}

export const reasonText = (reason: string | undefined): string | undefined =>
  reason === undefined ? undefined : (reasonWords[reason] ?? `Reason: ${reason}.`)
