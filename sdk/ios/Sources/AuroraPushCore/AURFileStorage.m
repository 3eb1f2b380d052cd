#import "AURStorage.h"
#import "AURFiles.h"

@implementation AURFileStorage {
    NSURL *_folder;
    NSURL *_file;
}

- (instancetype)initWithFolder:(NSURL *)folder name:(NSString *)name {
    if ((self = [super init])) {
        _folder = [folder copy];
        _file = [folder URLByAppendingPathComponent:name];
    }
    return self;
}

+ (instancetype)standardStorage {
    NSString *support = NSSearchPathForDirectoriesInDomains(NSApplicationSupportDirectory, NSUserDomainMask, YES).firstObject;
    NSURL *folder = [[NSURL fileURLWithPath:support ?: NSTemporaryDirectory() isDirectory:YES] URLByAppendingPathComponent:@"AuroraPush"];
    return [[self alloc] initWithFolder:folder name:@"installation.json"];
}

- (BOOL)load:(NSData **)data error:(NSError **)error {
    *data = nil;
    if (![[NSFileManager defaultManager] fileExistsAtPath:_file.path]) return YES;
    *data = AURReadFile(_file, error);
    return *data != nil;
}

- (BOOL)save:(NSData *)data error:(NSError **)error {
    return AURMakeFolder(_folder, error) && AURWriteFile(data, _file, error);
}

@end
