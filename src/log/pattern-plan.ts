import { isWildcard, matchEvent } from '@fleetwire/protocol'

/**
 * Where events or records that match a set of patterns can be. A plan may cover more than the patterns match (callers
 * filter with `matchesAny`), never less.
 */
export type PatternPlan =
  | { kind: 'everything' }
  | {
      kind: 'places'
      /** Concrete topics. */
      topics: string[]
      scopes: string[]
      /** Tasks whose events match, whatever their own topic is. */
      tasks: string[]
    }

/** The first two tokens of a topic, which name one agent, task or user. */
export function scopeOf(topic: string): string {
  return topic.split('.', 2).join('.')
}

export function planPatterns(patterns: readonly string[]): PatternPlan {
  const topics = new Set<string>()
  const scopes = new Set<string>()
  const tasks = new Set<string>()
  for (const pattern of patterns) {
    if (!isWildcard(pattern)) {
      topics.add(pattern)
      continue
    }
    const scope = scopeOf(pattern)
    // `agents.*.status` reaches into every scope, and `tasks.*.>` matches the events of every task on any topic.
    if (isWildcard(scope)) return { kind: 'everything' }
    scopes.add(scope)
    if (scope.startsWith('tasks.') && pattern.endsWith('>')) tasks.add(scope.slice('tasks.'.length))
  }
  return { kind: 'places', topics: [...topics], scopes: [...scopes], tasks: [...tasks] }
}

export function matchesAny(patterns: readonly string[], topic: string, taskId: string | null | undefined): boolean {
  return patterns.some(pattern => matchEvent(pattern, { topic, taskId: taskId ?? undefined }))
}
