import { describe, expect, it } from 'vitest';
import { readEndpoint, shownUrl } from '../../transport/endpoint.ts';
import { connectBoard } from '../../transport/mqtt.ts';
import { board } from './tape.ts';

describe('endpoint', () => {
  it.each([
    ['mqtt://h', { host: 'h', port: 1883, isTls: false, isWeb: false, shown: 'mqtt://h:1883' }],
    ['mqtts://h:1/', { host: 'h', port: 1, isTls: true, isWeb: false, shown: 'mqtts://h:1' }],
    ['mqtt://[::1]:18', { host: '::1', port: 18, shown: 'mqtt://[::1]:18' }],
    [
      'wss://h/mqtt?k=1',
      { port: 443, isTls: true, isWeb: true, path: '/mqtt?k=1', shown: 'wss://h:443/mqtt' },
    ],
    ['mqtt://u:p%40@h', { username: 'u', password: 'p@', shown: 'mqtt://h:1883' }],
  ])('endpoint: %s -> understood', (url, wanted) => {
    expect(readEndpoint({ url })).toMatchObject(wanted);
  });

  it.each([
    ['', 'is not a URL'],
    ['localhost:1883', 'is not spoken here'],
    ['http://h', 'is not spoken here'],
    ['mqtt://', 'is not a URL|names no host'],
    ['mqtt://h:99999', 'is not a URL'],
    ['mqtt://h:0', 'port 0'],
    ['mqtt://u:secret@h/x', 'something after the port'],
    ['mqtt://u:secret@h:x', 'is not a URL'],
  ])('endpoint: %j -> refused at once, with what is wanted, without the password', (url, why) => {
    let message = '';
    try {
      board({ url });
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toMatch(new RegExp(why));
    expect(message).not.toContain('secret');
  });

  it('endpoint: shown -> without what may be a secret', () => {
    const urls = ['mqtt://h:1', 'mqtt://u:p@h', 'wss://h/mqtt?k=p@x', 'mqtt://u:p/@h?p\np', 'embedded'];
    expect(urls.map(shownUrl)).toEqual([
      'mqtt://h:1',
      'mqtt://***@h',
      'wss://***@x',
      'mqtt://***@h?***',
      'embedded',
    ]);
  });

  it('endpoint: certificates that cannot be used -> refused', () => {
    expect(() => readEndpoint({ url: 'mqtt://h', ca: 'x' })).toThrow('use mqtts://');
    expect(() => readEndpoint({ url: 'mqtts://h', cert: 'x' })).toThrow('both cert and key');
  });

  it.each(['', 'a/b', '+', '#', 'x'.repeat(64)])('board: named %j -> refused', name => {
    expect(() => board({ url: 'mqtt://h', board: name })).toThrow("cannot be a board's name");
  });

  it.each([0, 1.5, 65536])('keep-alive: %d seconds -> refused', keepaliveSeconds => {
    const options = { url: 'mqtt://h', board: 'b', session: 1, software: 'x', keepaliveSeconds };
    expect(() => connectBoard(options, {} as never)).toThrow('keep-alive');
  });
});
