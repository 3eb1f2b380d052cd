// A world in which time stands still until it is told to move: queue, clock, storage, network and an Aurora that keeps the
// device part of the contract and misbehaves on demand. Everything runs on the calling thread, in an order that a seed fixes.
#import "AURClient.h"
#import "AURReceiptQueue.h"

NS_ASSUME_NONNULL_BEGIN

/// How one request goes wrong.
@interface AURFault : NSObject
@property (nonatomic) BOOL offline;                       ///< never arrives
@property (nonatomic) BOOL lost;                          ///< done, but the answer is lost
@property (nonatomic) NSInteger status;                   ///< answered instead of doing anything
@property (nonatomic, copy) NSString *body;
@property (nonatomic, copy) NSDictionary *headers;
+ (instancetype)offline;
+ (instancetype)lost;
+ (instancetype)status:(NSInteger)status body:(NSString *)body;
@end

@interface AURWorldDevice : NSObject
@property (nonatomic, copy) NSString *identifier, *installID, *secret;
@property (nonatomic, copy) NSDictionary *registered;
@property (nonatomic) NSMutableDictionary *values;
@property (nonatomic) NSMutableSet<NSString *> *tags;
@property (nonatomic) NSMutableArray<NSDictionary *> *inbox; ///< in-app messages that are not acknowledged
@end

@interface AURWorld : NSObject <AURQueue, AURClock, AURTransport, AURStorage>

+ (instancetype)worldWithSeed:(unsigned)seed;

@property (nonatomic, readonly) NSMutableArray<AURFault *> *faults;             ///< the first is used up by the next request
@property (nonatomic, readonly) NSMutableArray<AURRequest *> *requests;
@property (nonatomic, readonly) NSMutableArray<NSDate *> *times;                ///< of the requests
@property (nonatomic, readonly) NSMutableDictionary<NSString *, AURWorldDevice *> *devices;
@property (nonatomic, readonly) NSMutableArray<NSString *> *receipts;           ///< counted ones, "id event", with " message" for an in-app message
@property (nonatomic, readonly) NSMutableArray<NSNumber *> *batches;            ///< sizes of receipt requests
@property (nonatomic) NSString *refusedAlias;                                   ///< answered with 7015
@property (nonatomic) BOOL offline;
@property (nonatomic) NSTimeInterval latency;
@property (nonatomic, nullable) NSData *stored;
@property (nonatomic) BOOL storageFails, loadFails;
@property (nonatomic, nullable) AURReceiptQueue *receiptQueue;
@property (nonatomic, readonly) NSMutableArray<NSString *> *events;             ///< names posted by clients made here
@property (nonatomic, readonly) NSMutableArray<NSDictionary *> *messages;       ///< in-app messages handed to the app
@property (nonatomic) unsigned random;                                          ///< the next random number

- (AUREnvironment *)environment;
/// A client of this world, not started.
- (AURClient *)client;
/// Runs what is due now, without moving time.
- (void)settle;
/// Moves time on, running what falls due.
- (void)pass:(NSTimeInterval)seconds;
- (NSUInteger)countOf:(NSString *)method path:(NSString *)prefix;
/// The only device.
- (nullable AURWorldDevice *)device;
- (void)message:(NSString *)identifier content:(NSString *)content;

@end

extern NSString *const AURWorldAppKey;
AURConfig *AURWorldConfig(void);

NS_ASSUME_NONNULL_END
