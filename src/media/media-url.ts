/** Decides which URLs a transfer may request: https and no private addresses, unless the API itself has one. */
import { BlockList } from 'node:net';

const PRIVATE_RANGES = [
  ['0.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.0.0.0', 24, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['198.18.0.0', 15, 'ipv4'],
  ['224.0.0.0', 3, 'ipv4'],
  // Unspecified, loopback and IPv4-compatible addresses. BlockList applies the IPv4 rules to IPv4-mapped ones.
  ['::', 96, 'ipv6'],
  // NAT64 maps to any IPv4 address.
  ['64:ff9b::', 96, 'ipv6'],
  ['64:ff9b:1::', 48, 'ipv6'],
  ['fc00::', 7, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
  ['fec0::', 10, 'ipv6'],
  ['ff00::', 8, 'ipv6'],
] as const;

let privateAddresses: BlockList | undefined;

function getPrivateAddresses(): BlockList {
  if (privateAddresses === undefined) {
    privateAddresses = new BlockList();
    for (const [address, prefix, family] of PRIVATE_RANGES)
      privateAddresses.addSubnet(address, prefix, family);
  }
  return privateAddresses;
}

/** Checks the literal host only; no DNS lookup. */
export function isPrivateHost({ hostname }: URL): boolean {
  // URL has already normalized decimal, octal, hexadecimal and shortened IPv4 addresses.
  if (/^\d+\.\d+\.\d+\.\d+$/.test(hostname)) return getPrivateAddresses().check(hostname, 'ipv4');
  if (hostname.startsWith('[')) return getPrivateAddresses().check(hostname.slice(1, -1), 'ipv6');
  return /(?:^|\.)localhost\.?$/.test(hostname);
}

export function forbiddenReason(url: URL, baseUrl: URL): string | undefined {
  if (url.protocol !== 'https:' && baseUrl.protocol !== 'http:') {
    return 'http is not allowed; expected an https URL';
  }
  if (isPrivateHost(url) && !isPrivateHost(baseUrl)) {
    return 'the host is a loopback, private or link-local address, which is not allowed';
  }
  return undefined;
}
