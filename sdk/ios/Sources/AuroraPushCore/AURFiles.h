// Files that only the app and its extensions read; private to the SDK.
#import <Foundation/Foundation.h>

NS_ASSUME_NONNULL_BEGIN

/// Makes a folder (mode 0700) and what lies above it, and keeps it out of backups.
BOOL AURMakeFolder(NSURL *folder, NSError **error);

/// Replaces a file as a whole, mode 0600, readable after the first unlock of the phone.
BOOL AURWriteFile(NSData *data, NSURL *file, NSError **error);

/// The content of a file, at most 1 MiB.
NSData *_Nullable AURReadFile(NSURL *file, NSError **error);

NS_ASSUME_NONNULL_END
