#import "AURReceiptQueue.h"
#import "AURFiles.h"
#import "AURLogging.h"
#import "AURReceipt.h"
#import "AURValues.h"

static const NSUInteger MaxWaiting = 1000;

@implementation AURQueuedReceipt

- (instancetype)initWithReceipt:(AURReceipt *)receipt file:(NSURL *)file {
    if ((self = [super init])) {
        _receipt = [receipt copy];
        _file = [file copy];
    }
    return self;
}

@end

static void removeFile(NSURL *file) { [[NSFileManager defaultManager] removeItemAtPath:file.path error:NULL]; }

@implementation AURReceiptQueue {
    NSURL *_folder, *_identity;
}

- (instancetype)initWithFolder:(NSURL *)folder {
    if ((self = [super init])) {
        _folder = [folder URLByAppendingPathComponent:@"receipts" isDirectory:YES];
        _identity = [folder URLByAppendingPathComponent:@"identity.json"];
    }
    return self;
}

+ (instancetype)queueWithAppGroup:(NSString *)group {
#if __APPLE__
    NSURL *container = [[NSFileManager defaultManager] containerURLForSecurityApplicationGroupIdentifier:group];
    if (container != nil) return [[self alloc] initWithFolder:[container URLByAppendingPathComponent:@"AuroraPush" isDirectory:YES]];
#endif
    AURLogLine(AURLogLevelError, @"there is no app group %@ here; add it under Signing & Capabilities of the app and of the extension", group);
    return nil;
}

- (NSArray<NSString *> *)names {
    NSArray *all = [[NSFileManager defaultManager] contentsOfDirectoryAtPath:_folder.path error:NULL];
    return [[all pathsMatchingExtensions:@[ @"receipt" ]] sortedArrayUsingSelector:@selector(compare:)];
}

- (AURQueuedReceipt *)addReceived:(NSDictionary *)payload at:(NSDate *)now {
    AURReceipt *receipt = AURReceiptsFor(AURReceivedEvent, payload, now).firstObject;
    if (receipt == nil) return nil;
    NSArray<NSString *> *names = [self names];
    if (names.count >= MaxWaiting) removeFile([_folder URLByAppendingPathComponent:names[0]]);
    // The name begins with the time, so that names sort by age.
    NSURL *file = [_folder URLByAppendingPathComponent:[NSString stringWithFormat:@"%@-%@.receipt", receipt[@"at"], [NSUUID UUID].UUIDString]];
    return [self write:receipt to:file] ? [[AURQueuedReceipt alloc] initWithReceipt:receipt file:file] : nil;
}

- (BOOL)write:(NSDictionary *)content to:(NSURL *)file {
    NSError *error = nil;
    BOOL written = AURWriteFile(AURWriteJSON(content), file, &error);
    if (!written) AURLogLine(AURLogLevelError, @"nothing can be written in the app group: %@", error.localizedDescription);
    return written;
}

- (NSArray<AURQueuedReceipt *> *)waiting {
    NSMutableArray *waiting = [NSMutableArray array];
    for (NSString *name in [self names]) {
        NSURL *file = [_folder URLByAppendingPathComponent:name];
        NSData *data = AURReadFile(file, NULL);
        NSDictionary *receipt = AURReadJSON(data);
        if (AURIsReceipt(receipt)) [waiting addObject:[[AURQueuedReceipt alloc] initWithReceipt:receipt file:file]];
        else if (data != nil) removeFile(file); // damaged, and would stay for ever
    }
    return waiting;
}

- (void)remove:(AURQueuedReceipt *)receipt { removeFile(receipt.file); }

- (void)drain:(BOOL (^)(NSArray<AURReceipt *> *))take {
    NSArray<AURQueuedReceipt *> *waiting = [self waiting];
    if (waiting.count == 0 || !take([waiting valueForKey:@"receipt"])) return;
    for (AURQueuedReceipt *queued in waiting) [self remove:queued];
}

- (void)shareIdentity:(NSDictionary<NSString *, NSString *> *)identity {
    if (![[self sharedIdentity] isEqual:identity]) [self write:identity to:_identity];
}

- (NSDictionary<NSString *, NSString *> *)sharedIdentity {
    NSDictionary *identity = AURReadJSON(AURReadFile(_identity, NULL));
    return AURHasTexts(identity, @"server app_key registration_id secret") ? identity : nil;
}

@end
