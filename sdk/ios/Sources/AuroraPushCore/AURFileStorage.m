#import "AURStorage.h"
#import "AURFiles.h"

@implementation AURFileStorage {
    NSURL *_file;
}

- (instancetype)initWithFolder:(NSURL *)folder name:(NSString *)name {
    if ((self = [super init])) {
        _file = [folder URLByAppendingPathComponent:name];
    }
    return self;
}

- (BOOL)load:(NSData **)data error:(NSError **)error {
    *data = nil;
    if (![[NSFileManager defaultManager] fileExistsAtPath:_file.path]) return YES;
    *data = AURReadFile(_file, error);
    return *data != nil;
}

- (BOOL)save:(NSData *)data error:(NSError **)error {
    return AURWriteFile(data, _file, error);
}

@end
