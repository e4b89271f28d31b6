{
  'variables': {
    # Of programs without a C library.
    'bare_flags': [
      '-std=c++20', '-O2', '-Wall', '-Wextra', '-ffreestanding', '-fno-exceptions', '-fno-rtti', '-fno-pic',
      '-fno-stack-protector', '-fno-threadsafe-statics', '-fno-asynchronous-unwind-tables',
    ],
    'bare_ldflags': ['-static', '-nostdlib', '-no-pie', '-Wl,--build-id=none'],
  },
  'targets': [
    {
      'target_name': 'cella',
      'sources': ["<!@(sed -n 's,^addon/,native/addon/,p' native/sources.txt)"],
      'dependencies': ["<!(node -p \"require('node-addon-api').targets\"):node_addon_api_except", 'cella-launcher', 'cella-tar'],
      'defines': ['NAPI_VERSION=9'],
      'libraries': ['-lcrypt'],
      'cflags_cc!': ['-std=gnu++17', '-std=gnu++20'],
      'cflags_cc': ['-std=c++20', '-Wall', '-Wextra', '-fstack-protector-strong'],
    },
    {
      'target_name': 'cella-launcher',
      'type': 'executable',
      'sources': ["<!@(sed -n 's,^core/,native/core/,p' native/sources.txt)"],
      'cflags_cc!': ['-std=gnu++17', '-std=gnu++20', '-pthread', '-fPIC'],
      'cflags_cc': ['<@(bare_flags)'],
      'ldflags!': ['-pthread', '-rdynamic'],
      'ldflags': ['<@(bare_ldflags)'],
      'libraries!': ['-lpthread'],
    },
    {
      # CRIU finds it by PATH: nothing else is in its directory.
      'target_name': 'cella-tar',
      'type': 'executable',
      'product_name': 'tar',
      'product_dir': '<(PRODUCT_DIR)/criu',
      'sources': ["<!@(sed -n 's,^tar/,native/tar/,p' native/sources.txt)", 'native/core/memory.cc', 'native/core/beneath.cc'],
      'cflags_cc!': ['-std=gnu++17', '-std=gnu++20', '-pthread', '-fPIC'],
      'cflags_cc': ['<@(bare_flags)'],
      'ldflags!': ['-pthread', '-rdynamic'],
      'ldflags': ['<@(bare_ldflags)'],
      'libraries!': ['-lpthread'],
    },
  ],
}
