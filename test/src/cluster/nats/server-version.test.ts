import t from 'tap'
import { serverVerdict } from '../../../../src/cluster/nats/server-version.ts'

t.test(
  'servers that lose writes or accept wrong ones are refused, and those with known bugs cause a warning',
  async t => {
    const verdicts: [version: string, status: string][] = [
      ['2.9.10', 'refused'],
      ['2.9.21', 'refused'],
      ['2.10.22', 'refused'],
      ['2.10.23', 'warned'],
      ['2.12.13', 'warned'],
      ['2.12.14', 'fine'],
      ['2.14.0', 'warned'],
      ['2.14.3', 'warned'],
      ['2.14.4', 'fine'],
      ['2.15.1', 'fine'],
      ['2.15.0-dev', 'fine'],
      ['v2.15.1', 'fine'],
      ['3.0.0', 'fine'],
      ['1.4.1', 'refused'],
      ['unknown', 'warned'],
    ]
    for (const [version, status] of verdicts) t.equal(serverVerdict(version).status, status, version)
  },
)
