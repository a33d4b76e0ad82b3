import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify from 'fastify'
import { loadDriver } from '../../src/log/sqlite-driver.ts'
import { agentAt, commandAt, type FleetSize, taskAt } from '../lib/fleet.ts'
import { serveCalls } from '../lib/role.ts'

/**
 * The naive server: a table for each kind of record with an index for each filter, a SELECT for each request, its rows
 * parsed and returned. No authentication, no validation; SQLite runs on the server's main thread.
 */
const dir = mkdtempSync(join(tmpdir(), 'bench-bare-listing-'))
const db = (await loadDriver()).open(join(dir, 'listing.db'))
db.exec(`
  PRAGMA journal_mode = WAL;
  PRAGMA cache_size = -65536;
  CREATE TABLE agents (id TEXT PRIMARY KEY, status TEXT, payload TEXT) WITHOUT ROWID;
  CREATE INDEX agents_status ON agents (status, id);
`)
for (const name of ['commands', 'tasks']) {
  db.exec(`
    CREATE TABLE ${name} (
      id TEXT PRIMARY KEY, agent_id TEXT, status TEXT, task_id TEXT, parent_id TEXT, created_at INTEGER, payload TEXT
    );
    CREATE INDEX ${name}_agent ON ${name} (agent_id, id);
    CREATE INDEX ${name}_status ON ${name} (status, id);
    CREATE INDEX ${name}_task ON ${name} (task_id, id);
    CREATE INDEX ${name}_parent ON ${name} (parent_id, id);
    CREATE INDEX ${name}_created ON ${name} (created_at);
  `)
}
process.on('exit', () => {
  db.close()
  rmSync(dir, { recursive: true })
})

/** Query parameters and the columns that they filter. */
const COLUMNS: Record<string, string> = {
  agentId: 'agent_id',
  taskId: 'task_id',
  parentId: 'parent_id',
  parentTaskId: 'parent_id',
}

function select(name: string, order: 'ASC' | 'DESC', query: Record<string, string>) {
  const conditions: string[] = []
  const bound: (string | number)[] = []
  for (const [parameter, value] of Object.entries(query)) {
    if (parameter === 'status') {
      const values = value.split(',')
      conditions.push(`status IN (${values.map(() => '?').join(', ')})`)
      bound.push(...values)
    } else if (parameter === 'createdAfter') {
      conditions.push('created_at > ?')
      bound.push(Number(value))
    } else if (parameter === 'cursor') {
      conditions.push(`id ${order === 'ASC' ? '>' : '<'} ?`)
      bound.push(value)
    } else if (COLUMNS[parameter] !== undefined) {
      conditions.push(`${COLUMNS[parameter]} = ?`)
      bound.push(value)
    }
  }
  const limit = Number(query.limit ?? 50)
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
  const statement = db.prepare(`SELECT id, payload FROM ${name} ${where} ORDER BY id ${order} LIMIT ?`)
  const rows = statement.all(...bound, limit + 1) as unknown as { id: string; payload: string }[]
  const page = rows.slice(0, limit)
  return {
    items: page.map(({ payload }) => JSON.parse(payload)),
    nextCursor: rows.length > limit ? page.at(-1)!.id : null,
  }
}

const app = Fastify()
for (const [name, order] of [
  ['agents', 'ASC'],
  ['commands', 'DESC'],
  ['tasks', 'DESC'],
] as const) {
  app.get<{ Querystring: Record<string, string> }>(`/api/v1/${name}`, async ({ query }) => select(name, order, query))
}

export const bareListing = serveCalls({
  fill(size: FleetSize): void {
    const agents = db.prepare('INSERT INTO agents VALUES (?, ?, ?)')
    const commands = db.prepare('INSERT INTO commands VALUES (?, ?, ?, ?, ?, ?, ?)')
    const tasks = db.prepare('INSERT INTO tasks VALUES (?, ?, ?, ?, ?, ?, ?)')
    db.exec('BEGIN')
    for (let i = 0; i < size.agents; i++) {
      const agent = agentAt(i, size)
      agents.run(agent.agentId, agent.status, JSON.stringify(agent))
    }
    for (let i = 0; i < size.commands; i++) {
      const { commandId, agentId, status, taskId = null, parentId = null, createdAt, ...rest } = commandAt(i, size)
      const command = { commandId, agentId, status, taskId, parentId, createdAt, ...rest }
      commands.run(commandId, agentId, status, taskId, parentId, createdAt, JSON.stringify(command))
    }
    for (let i = 0; i < size.tasks; i++) {
      const task = taskAt(i, size)
      const { taskId, agentId = null, status, parentTaskId = null, createdAt } = task
      tasks.run(taskId, agentId, status, null, parentTaskId, createdAt, JSON.stringify(task))
    }
    db.exec('COMMIT')
    db.exec('ANALYZE')
  },
  async listen(): Promise<number> {
    await app.listen({ host: '127.0.0.1', port: 0 })
    return (app.server.address() as AddressInfo).port
  },
})
