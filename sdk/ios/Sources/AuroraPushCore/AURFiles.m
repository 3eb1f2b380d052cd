#import "AURFiles.h"
#import "AURErrorMaking.h"
#include <errno.h>
#include <sys/stat.h>

static const unsigned long long Largest = 1 << 20;

BOOL AURMakeFolder(NSURL *folder, NSError **error) {
    NSFileManager *files = [NSFileManager defaultManager];
    if ([files fileExistsAtPath:folder.path]) return YES;
    if (![files createDirectoryAtPath:folder.path withIntermediateDirectories:YES attributes:@{NSFilePosixPermissions : @0700} error:error]) return NO;
#if __APPLE__
    [folder setResourceValue:@YES forKey:NSURLIsExcludedFromBackupKey error:NULL];
#endif
    return YES;
}

BOOL AURWriteFile(NSData *data, NSURL *file, NSError **error) {
    NSDataWritingOptions options = NSDataWritingAtomic;
#if __APPLE__ && TARGET_OS_IPHONE
    options |= NSDataWritingFileProtectionCompleteUntilFirstUserAuthentication;
#endif
    // The folder is closed to others, so that the moment before the mode is set gives nothing away.
    if (![data writeToFile:file.path options:options error:error]) return NO;
    if (chmod(file.path.fileSystemRepresentation, 0600) == 0) return YES;
    if (error != NULL) *error = [NSError errorWithDomain:NSPOSIXErrorDomain code:errno userInfo:nil];
    return NO;
}

NSData *AURReadFile(NSURL *file, NSError **error) {
    NSDictionary *attributes = [[NSFileManager defaultManager] attributesOfItemAtPath:file.path error:error];
    if (attributes == nil) return nil;
    if (attributes.fileSize > Largest) {
        if (error != NULL) *error = AURMakeError(AURErrorUnexpected, [NSString stringWithFormat:@"%@ is larger than anything this SDK writes", file.lastPathComponent]);
        return nil;
    }
    NSData *data = [[NSData alloc] initWithContentsOfFile:file.path];
    if (data == nil && error != NULL) *error = AURMakeError(AURErrorUnexpected, [NSString stringWithFormat:@"%@ cannot be read now", file.lastPathComponent]);
    return data;
}
