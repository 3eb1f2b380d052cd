#import "AURFiles.h"
#import "AURErrorMaking.h"
#include <sys/stat.h>

static const unsigned long long Largest = 1 << 20;

static BOOL makeFolder(NSURL *folder, NSError **error) {
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
    return makeFolder([file URLByDeletingLastPathComponent], error) && [data writeToFile:file.path options:options error:error] && chmod(file.path.fileSystemRepresentation, 0600) == 0;
}

NSData *AURReadFile(NSURL *file, NSError **error) {
    // Not by stat(), for which an app would have to give Apple a reason. Of a file that is not there the size is 0.
    BOOL small = [[NSFileManager defaultManager] attributesOfItemAtPath:file.path error:NULL].fileSize <= Largest;
    NSData *data = small ? [[NSData alloc] initWithContentsOfFile:file.path] : nil;
    if (data == nil && error != NULL) *error = AURMakeError(AURErrorUnexpected, [file.lastPathComponent stringByAppendingString:@" cannot be read now, or is larger than anything that this SDK writes"]);
    return data;
}
