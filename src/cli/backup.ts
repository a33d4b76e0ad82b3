import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { CliError } from './cli-error.ts'

const SECRET_FILE = 'secret'

export const backupCommand = new Command('backup')
  .argument('<folder>', 'the destination: a new or empty folder')
  .option('--data-dir <folder>', 'the folder of the server (FLEETWIRE_DATA_DIR, default ./data)')
  .action(async (to: string, options: { dataDir?: string }) => {
    const from = options.dataDir ?? (process.env.FLEETWIRE_DATA_DIR?.trim() || './data')
    if (existsSync(to) && readdirSync(to).length > 0)
      throw new CliError('failed', `${to} is not empty: name a new or empty folder.`)
    const { copyLog } = await import('../log/sqlite-backup.ts')
    const copied = await copyLog(from, to)
    if (copied.status === 'refused') throw new CliError('failed', `Nothing was copied: ${copied.reason}.`)
    const secret = join(from, SECRET_FILE)
    if (existsSync(secret)) writeFileSync(join(to, SECRET_FILE), readFileSync(secret), { mode: 0o600, flag: 'wx' })
    const size = `${(copied.bytes / 1e6).toFixed(1)} MB`
    process.stdout.write(`${copied.events} events, ${size}, are in ${to}: a data folder that a server can start on.\n`)
  })
