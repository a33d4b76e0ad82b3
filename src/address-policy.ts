import type { LookupAddress } from 'node:dns'
import ipaddr from 'ipaddr.js'

type Address = ipaddr.IPv4 | ipaddr.IPv6
type Network = [Address, bits: number]

/** The ranges that `true` allows: private machines. Not link-local, where clouds serve credentials. */
const OWN = new Set(['loopback', 'private', 'uniqueLocal', 'carrierGradeNat'])

/**
 * Addresses outside of link-local where clouds serve credentials to their machines: Azure's is a public address, the
 * others are in ranges that `true` allows.
 */
const METADATA = ['168.63.129.16', '100.100.100.200', '192.0.0.192', 'fd00:ec2::254', 'fd20:ce::254'].map(text =>
  ipaddr.parse(text).toNormalizedString(),
)

/** Which addresses webhooks may be sent to. */
export interface AddressPolicy {
  /** Only public addresses are allowed. */
  readonly isPublicOnly: boolean
  /** Why nothing may be sent to an address; undefined if it is allowed. `scheme` is without the colon. */
  refusal(address: string, scheme: 'http' | 'https'): string | undefined
}

/**
 * Parses `WEBHOOK_ALLOW_PRIVATE`: empty or `false` for public addresses only, `true` for loopback and private ones too,
 * or a list of addresses and networks. Throws an Error that says what is wrong with it.
 */
export function addressPolicy(allowPrivate: string, allowHttp = false): AddressPolicy {
  const setting = allowPrivate.trim()
  const isOff = setting === '' || setting === 'false'
  const isOn = setting === 'true'
  const networks = isOff || isOn ? [] : setting.split(',').map(entry => networkOf(entry.trim()))

  const isNamed = (address: Address) =>
    networks.some(network => network[0].kind() === address.kind() && address.match(network as never))

  function refusal(text: string, scheme: 'http' | 'https'): string | undefined {
    if (!ipaddr.isValid(text)) return `"${text}" is not an address`
    // An IPv4 address written as IPv6 counts as the IPv4 address that it leads to.
    const address = ipaddr.process(text)
    if (isNamed(address)) return undefined
    const range = address.range()
    if (METADATA.includes(address.toNormalizedString())) return `${text} is where a cloud serves credentials`
    if (isOn && OWN.has(range)) return undefined
    if (range !== 'unicast' || isUnassigned(address)) return `${text} is not public (${rangeNames[range] ?? range})`
    return scheme === 'http' && !allowHttp ? 'it is public, and http is not encrypted: use https' : undefined
  }
  return { isPublicOnly: isOff, refusal }
}

/** Public IPv6 addresses are in 2000::/3; the library takes any address that it does not know for a public one. */
const isUnassigned = (address: Address): boolean => 'parts' in address && address.parts[0]! >> 13 !== 1

const rangeNames: Record<string, string> = {
  linkLocal: 'link-local',
  uniqueLocal: 'unique local',
  carrierGradeNat: 'carrier-grade NAT',
  unicast: 'not assigned',
}

function networkOf(entry: string): Network {
  const flaw = () =>
    new Error(
      `has the entry "${entry}", which is neither an address nor a network: use addresses (10.0.0.7), networks (10.0.0.0/8), or true`,
    )
  try {
    if (entry.includes('/')) return ipaddr.parseCIDR(entry) as Network
    // Excludes legacy notations of IPv4: 10.1, 012.0.0.1.
    if (!ipaddr.IPv4.isValidFourPartDecimal(entry) && !ipaddr.IPv6.isValid(entry)) throw flaw()
    const address = ipaddr.process(entry)
    return [address, address.kind() === 'ipv4' ? 32 : 128]
  } catch {
    throw flaw()
  }
}

/** Why nothing is sent to a name: all of its addresses must be allowed; otherwise an attacker could mix one in. */
export function lookupRefusal(
  policy: AddressPolicy,
  addresses: readonly LookupAddress[],
  scheme: 'http' | 'https',
): string | undefined {
  for (const { address } of addresses) {
    const refusal = policy.refusal(address, scheme)
    if (refusal !== undefined) return refusal
  }
  return undefined
}
