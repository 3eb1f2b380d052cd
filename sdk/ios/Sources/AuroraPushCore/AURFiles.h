// Files that only the app and its extensions read; private to the SDK.
#import <Foundation/Foundation.h>

NS_ASSUME_NONNULL_BEGIN

/// Replaces a file as a whole, mode 0600, readable after the first unlock of the phone. Its folder is made if there is none (mode
/// 0700), and kept out of backups.
BOOL AURWriteFile(NSData *data, NSURL *file, NSError **error);

/// The content of a file, at most 1 MiB.
NSData *_Nullable AURReadFile(NSURL *file, NSError **error);

NS_ASSUME_NONNULL_END
