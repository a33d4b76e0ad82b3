import type { Database, Statement } from './sqlite-driver.ts'

const CACHED_NAMES = 50_000

/** Names of topics and scopes, each stored once; events refer to them by id. */
export class NameTable {
  readonly #select: Statement
  readonly #insert: Statement
  readonly #deleteUnused: Statement
  /**
   * Each command has its own topic, so this cache is bounded: it is cleared when full, at the cost of one look-up per
   * name.
   */
  readonly #ids = new Map<string, number>()

  constructor(db: Database) {
    this.#select = db.prepare('SELECT id FROM names WHERE name = ?')
    this.#insert = db.prepare('INSERT INTO names (name) VALUES (?)')
    this.#deleteUnused = db.prepare(`
      DELETE FROM names WHERE id = ?
        AND NOT EXISTS (SELECT 1 FROM events WHERE topic = names.id)
        AND NOT EXISTS (SELECT 1 FROM events WHERE scope = names.id)`)
  }

  /** The id of a name, inserted if it is new. Only within a write transaction. */
  idOf(name: string): number {
    const cached = this.#ids.get(name)
    if (cached !== undefined) return cached
    const row = this.#select.get(name) as { id: number } | undefined
    const id = row?.id ?? Number(this.#insert.run(name).lastInsertRowid)
    if (this.#ids.size >= CACHED_NAMES) this.#ids.clear()
    this.#ids.set(name, id)
    return id
  }

  /** Removes the given names that no event refers to any more. */
  prune(ids: Iterable<number>): void {
    let removed = 0
    for (const id of ids) removed += Number(this.#deleteUnused.run(id).changes)
    if (removed > 0) this.forget()
  }

  /** Must be called after a rollback, since ids inserted in that transaction do not exist. */
  forget(): void {
    this.#ids.clear()
  }
}
