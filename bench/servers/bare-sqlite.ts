import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify from 'fastify'
import { newId } from '../../src/ids.ts'
import { loadDriver } from '../../src/log/sqlite-driver.ts'
import { serveCalls } from '../lib/role.ts'

/**
 * The naive server: a Fastify route that stores the command in SQLite, as durably as Fleetwire does, and returns it. No
 * authentication, no validation, no events, no log.
 */
const dir = mkdtempSync(join(tmpdir(), 'bench-bare-sqlite-'))
const db = (await loadDriver()).open(join(dir, 'commands.db'))
db.exec(`
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE commands (id TEXT PRIMARY KEY, agent_id TEXT, status TEXT, created_at INTEGER, payload TEXT);
`)
process.on('exit', () => {
  db.close()
  rmSync(dir, { recursive: true })
})
const insert = db.prepare('INSERT INTO commands VALUES (?, ?, ?, ?, ?)')

const app = Fastify()
app.post<{ Params: { agentId: string }; Body: { kind: string; input: unknown } }>(
  '/api/v1/agents/:agentId/commands',
  (request, reply) => {
    const { agentId } = request.params
    const command = { commandId: newId('cmd'), agentId, ...request.body, status: 'queued', createdAt: Date.now() }
    insert.run(command.commandId, agentId, command.status, command.createdAt, JSON.stringify(command))
    reply.code(202).send(command)
  },
)

export const bareSqlite = serveCalls({
  async listen(): Promise<number> {
    await app.listen({ host: '127.0.0.1', port: 0 })
    return (app.server.address() as AddressInfo).port
  },
})
