// The version of this code, as package.json has it (a test holds them together): told in hello, status and --version.
export const VERSION = '0.1.0';
