import { BlockList, isIP } from 'node:net'

/** Whether a peer is trusted: `hop` is 0 for the peer on the socket, 1 for the one that it names, and so on. */
export type Trust = (address: string, hop: number) => boolean

const networks: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
}
const MAX_HOPS = 32

const familyOf = (address: string) => (isIP(address) === 6 ? 'ipv6' : 'ipv4')

/**
 * Parses `TRUST_PROXY`: empty, `false` or 0 for nobody, `true` for anybody, a number of hops, or a list of addresses
 * and networks. Undefined for nobody. Throws an Error that says what is wrong with it.
 */
export function parseTrustProxy(text: string): Trust | undefined {
  const setting = text.trim()
  if (setting === '' || setting === 'false') return undefined
  if (setting === 'true') return () => true
  if (/^-?\d+$/.test(setting)) return trustHops(Number(setting))
  const trusted = new BlockList()
  for (const entry of setting.split(',').map(entry => entry.trim())) {
    for (const network of networks[entry] ?? [entry]) add(trusted, network)
  }
  return address => isIP(address) !== 0 && trusted.check(address, familyOf(address))
}

function trustHops(hops: number): Trust | undefined {
  if (hops < 0 || hops > MAX_HOPS) throw new Error(`must be at most ${MAX_HOPS} as a number of proxies, not ${hops}`)
  return hops === 0 ? undefined : (_address, hop) => hop < hops
}

function add(list: BlockList, network: string): void {
  const [address = '', bits, ...more] = network.split('/')
  const family = isIP(address)
  const most = family === 6 ? 128 : 32
  const isNetwork = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most)
  if (family === 0 || !isNetwork || more.length > 0) {
    throw new Error(
      `has the entry "${network}", which is neither an address nor a network: use addresses (10.0.0.7), networks (10.0.0.0/8), ${Object.keys(networks).join(', ')}, a number of proxies, or true`,
    )
  }
  list.addSubnet(address, bits === undefined ? most : Number(bits), familyOf(address))
}
