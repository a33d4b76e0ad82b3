export const finalStatuses = ['succeeded', 'failed', 'cancelled', 'timed_out', 'expired', 'rejected', 'lost'] as const
export const commandStatuses = ['queued', 'dispatched', 'running', ...finalStatuses] as const
export const isFinal = (status: string): boolean => (finalStatuses as readonly string[]).includes(status)
