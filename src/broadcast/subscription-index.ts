import { canSeeEntry, sightOf } from '../auth/permissions.ts'
import type { Principal } from '../auth/principal.ts'
import { PatternTrie } from './pattern-trie.ts'

const CACHE_LIMIT = 10_000

/**
 * Members that are due exactly the same events, since they have the same patterns and rights. Fan-out is decided once
 * for all of them.
 */
export interface Audience<M> {
  readonly patterns: readonly string[]
  /** The principal of any member: they all see the same. */
  readonly principal: Principal
  readonly members: Set<M>
  /** Equal for members of the same audience. */
  readonly key: string
}

function keyOf(patterns: readonly string[], principal: Principal): string {
  const meetsUsers = patterns.some(pattern => /^(users|\*|>)/.test(pattern))
  return `${sightOf(principal, meetsUsers)} ${[...patterns].sort().join(' ')}`
}

/** Finds the subscribers of each event. */
export class SubscriptionIndex<M> {
  readonly #audiences = new Map<string, Audience<M>>()
  readonly #byMember = new Map<M, Audience<M>>()
  readonly #trie = new PatternTrie<Audience<M>>()
  /** By topic, task and agent. Cleared when an audience is added or removed, which is rarer than a member joining one. */
  readonly #due = new Map<string, readonly Audience<M>[]>()

  get size(): number {
    return this.#byMember.size
  }

  /** Replaces a member's patterns; a member without patterns is removed. */
  set(member: M, patterns: readonly string[], principal: Principal): void {
    const key = keyOf(patterns, principal)
    if (this.#byMember.get(member)?.key === key) return
    this.delete(member)
    if (patterns.length === 0) return
    const audience = this.#audiences.get(key) ?? this.#newAudience(key, patterns, principal)
    audience.members.add(member)
    this.#byMember.set(member, audience)
  }

  delete(member: M): void {
    const audience = this.#byMember.get(member)
    if (audience === undefined) return
    this.#byMember.delete(member)
    audience.members.delete(member)
    if (audience.members.size > 0) return
    this.#audiences.delete(audience.key)
    for (const pattern of audience.patterns) this.#trie.delete(pattern, audience)
    this.#due.clear()
  }

  /**
   * The audiences of an event, each once (`matchEvent` of the protocol says which patterns match). `agentId`: the
   * event's, by `agentOf`.
   */
  audiencesOf(topic: string, taskId?: string, agentId?: string): readonly Audience<M>[] {
    const key = taskId === undefined && agentId === undefined ? topic : `${topic} ${taskId} ${agentId}`
    const known = this.#due.get(key)
    if (known !== undefined) return known
    const found = new Set<Audience<M>>()
    if (!topic.startsWith('$')) {
      this.#trie.collect(topic, found)
      if (taskId !== undefined) this.#trie.collect(`tasks.${taskId}.${topic}`, found, true)
    }
    const due = [...found].filter(audience => canSeeEntry(audience.principal, { topic, agentId, payload: undefined }))
    if (this.#due.size >= CACHE_LIMIT) this.#due.clear()
    this.#due.set(key, due)
    return due
  }

  #newAudience(key: string, patterns: readonly string[], principal: Principal): Audience<M> {
    const audience: Audience<M> = { key, patterns: [...patterns], principal, members: new Set() }
    this.#audiences.set(key, audience)
    for (const pattern of patterns) this.#trie.add(pattern, audience)
    this.#due.clear()
    return audience
  }
}
