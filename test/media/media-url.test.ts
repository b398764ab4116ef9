// Private addresses: the same as in Node's BlockList, which an edge runtime does not have.
import { BlockList } from 'node:net';
import { fc } from '../support/properties.js';
import { expect, it } from 'vitest';
import { isPrivateHost } from '../../src/media/media-url.js';

const IPV4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const;
const IPV6 = [
  ['::', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const;

const list = new BlockList();
for (const [address, prefix] of IPV4) list.addSubnet(address, prefix, 'ipv4');
for (const [address, prefix] of IPV6) list.addSubnet(address, prefix, 'ipv6');

const byte = fc.nat(255);
const group = fc.nat(65_535).map((number) => number.toString(16));
const zero = fc.constant('0');
const ipv4 = fc
  .tuple(
    fc.oneof(byte, fc.constantFrom(10, 100, 127, 169, 172, 192, 198, 224)),
    fc.oneof(byte, fc.constantFrom(0, 16, 18, 19, 31, 64, 168, 254)),
    byte,
    byte,
  )
  .map((bytes) => bytes.join('.'));
const ipv6 = fc
  .tuple(
    fc.oneof(group, zero, fc.constantFrom('64', 'fc00', 'fd12', 'fe80', 'fec0', 'ff02')),
    fc.oneof(group, zero, fc.constant('ff9b')),
    fc.oneof(group, zero),
    fc.oneof(group, zero),
    fc.oneof(group, zero),
    fc.oneof(group, zero, fc.constant('ffff')),
    fc.oneof(group, zero, fc.constantFrom('7f00', 'a00', 'c0a8', '808')),
    group,
  )
  .map((groups) => groups.join(':'));

it('an address is private exactly if it is in one of the private networks', () => {
  fc.assert(
    fc.property(fc.oneof(ipv4, ipv6), (address) => {
      const isIpv6 = address.includes(':');
      const url = new URL(`http://${isIpv6 ? `[${address}]` : address}/`);
      expect(isPrivateHost(url)).toBe(list.check(address, isIpv6 ? 'ipv6' : 'ipv4'));
    }),
    { numRuns: 5000 },
  );
});
